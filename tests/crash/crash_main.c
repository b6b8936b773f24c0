/*
 * crash images N SEED       every way in which a power cut may leave a log that was at work
 * crash steps STRIDE SEED   cut at every operation, in every write, in every recovery; every error
 * crash damage STRIDE SEED  every bit flipped, blocks zeroed, doubled and swapped, stray writes
 *
 * Everything acknowledged must be there, byte for byte, then a prefix of the rest; recovering twice
 * gives the same; a recovery that is cut itself is as good; nothing healthy is refused; what is
 * damaged where it was acknowledged is refused and left alone.
 *
 * Prints what was tried and "violations 0"; exit code 1 when there were any.
 */
#include "crash/crash.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOPS 40 /* images whose recovery is cut at every operation, at stride 1 */

void
crash_verdict(struct crash_tried *tried, bool good, const char *what, uint64_t seed)
{
    if (!good) {
        tried->violations++;
        printf("  %s, seed %" PRIu64 "\n", what, seed);
    }
}

static void
steps(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    crash_prefixes(tried, stride, seed);
    crash_loops(tried, LOOPS / stride + 1, seed);
    crash_faults(tried, stride, seed);
}

static void
damage(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    crash_flips(tried, stride, seed);
    crash_blocks(tried, stride, seed);
    crash_strays(tried, stride, seed);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct crash_tried *tried, uint64_t much, uint64_t seed);
    } parts[] = {{"images", crash_images}, {"steps", steps}, {"damage", damage}};
    mem_keep(0); /* given back and fetched again it was three quarters of the time */
    for (size_t i = 0; argc == 4 && i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            struct crash_tried tried = {0};
            uint64_t much = strtoull(argv[2], NULL, 10);
            uint64_t seed = strtoull(argv[3], NULL, 10);
            parts[i].run(&tried, much == 0 ? 1 : much, seed);
            printf("%s from seed %" PRIu64 ": images %" PRIu64 ", cut recoveries %" PRIu64
                   ", damages %" PRIu64 " (refused %" PRIu64 "), violations %" PRIu64 "\n",
                   argv[1], seed, tried.images, tried.cuts, tried.damages, tried.refused,
                   tried.violations);
            return tried.violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    (void)fprintf(stderr, "usage: crash images N SEED | steps STRIDE SEED | damage STRIDE SEED\n");
    return 64;
}
