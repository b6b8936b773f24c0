#include "suite.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define FIGURES_MAX (SUITE_ROUNDS_MAX * SUITE_TIMES_MAX)

struct row {
    struct suite_row row;
    unsigned pairs;
    double herald[FIGURES_MAX];
    double ceiling[FIGURES_MAX];
};

struct suite {
    struct suite_settings settings;
    struct row *rows; /* owned; SUITE_ROWS_MAX */
    unsigned count;
};

/* What the table says of one row. */
struct verdict {
    double herald;
    double ceiling;
    double ratio;
    double spread; /* from the smallest to the largest ratio of a pair, by the ratio */
    bool holds;
};

suite_t *
suite_new(const struct suite_settings *settings)
{
    suite_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->rows = mem_array(SUITE_ROWS_MAX, sizeof *self->rows);
    return self;
}

void
suite_destroy(suite_t **self_p)
{
    suite_t *self = *self_p;
    if (self != NULL) {
        mem_free(self->rows);
        mem_free(self);
        *self_p = NULL;
    }
}

const struct suite_settings *
suite_settings(const suite_t *self)
{
    return &self->settings;
}

void
suite_note(suite_t *self, const struct suite_row *row, double herald, double ceiling)
{
    unsigned at = 0;
    while (at < self->count && strcmp(self->rows[at].row.name, row->name) != 0) {
        at++;
    }
    CHECK(at < SUITE_ROWS_MAX && self->rows[at].pairs < FIGURES_MAX);
    struct row *to = &self->rows[at];
    to->row = *row;
    to->herald[to->pairs] = herald;
    to->ceiling[to->pairs] = ceiling;
    to->pairs++;
    self->count += at == self->count;
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double
median(const double *figures, unsigned count)
{
    double sorted[FIGURES_MAX];
    memcpy(sorted, figures, count * sizeof *figures);
    qsort(sorted, count, sizeof *sorted, compare);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double
ratio_of(double herald, double ceiling)
{
    return ceiling > 0 ? herald / ceiling : 0;
}

static struct verdict
judge(const struct row *row)
{
    struct verdict verdict = {
        .herald = median(row->herald, row->pairs),
        .ceiling = median(row->ceiling, row->pairs),
    };
    verdict.ratio = ratio_of(verdict.herald, verdict.ceiling);
    double least = ratio_of(row->herald[0], row->ceiling[0]);
    double most = least;
    for (unsigned i = 1; i < row->pairs; i++) {
        double ratio = ratio_of(row->herald[i], row->ceiling[i]);
        least = ratio < least ? ratio : least;
        most = ratio > most ? ratio : most;
    }
    verdict.spread = ratio_of(most - least, verdict.ratio);
    verdict.holds = verdict.ceiling > 0 && (row->row.at_most ? verdict.ratio <= row->row.target
                                                             : verdict.ratio >= row->row.target);
    return verdict;
}

bool
suite_holds(const suite_t *self)
{
    bool holds = self->count > 0;
    for (unsigned i = 0; i < self->count; i++) {
        holds = holds && judge(&self->rows[i]).holds;
    }
    return holds;
}

static void
print_figure(FILE *to, double figure)
{
    fprintf(to, "  %12.*f", figure >= 1000 ? 0 : (figure >= 10 ? 1 : 3), figure);
}

void
suite_print(const suite_t *self, FILE *to)
{
    fprintf(to, "%-52s  %-12s  %12s  %12s  %7s  %6s  %8s  %s\n", "what", "unit", "Herald",
            "ceiling", "ratio", "spread", "target", "holds");
    for (unsigned i = 0; i < self->count; i++) {
        const struct row *row = &self->rows[i];
        struct verdict verdict = judge(row);
        char target[32];
        (void)snprintf(target, sizeof target, "%s %.4g",
                       row->row.at_most ? "<=" : ">=", row->row.target);
        fprintf(to, "%-52s  %-12s", row->row.name, row->row.unit);
        print_figure(to, verdict.herald);
        print_figure(to, verdict.ceiling);
        fprintf(to, "  %7.3f  %5.0f%%  %8s  %s\n", verdict.ratio, verdict.spread * 100, target,
                verdict.holds ? "yes" : "NO");
    }
}

void
suite_print_json(const suite_t *self, FILE *to)
{
    fprintf(to, "{\"rows\":[");
    for (unsigned i = 0; i < self->count; i++) {
        struct verdict verdict = judge(&self->rows[i]);
        /* Names are this program's own, without anything that JSON would have escaped. */
        fprintf(to,
                "%s\n  {\"name\":\"%s\", \"herald\":%.6g, \"ceiling\":%.6g, \"ratio\":%.4f, "
                "\"target\":%.4g, \"holds\":%s}",
                i > 0 ? "," : "", self->rows[i].row.name, verdict.herald, verdict.ceiling,
                verdict.ratio, self->rows[i].row.target, verdict.holds ? "true" : "false");
    }
    fprintf(to, "\n]}\n");
}
