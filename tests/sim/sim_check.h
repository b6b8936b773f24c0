/*
 * What must be true at the end of a run, and where else a promise is looked at. The numbers are the
 * invariants of docs/TESTING.md.
 *
 *  I1  no loss         sim_check.c: each accepted one is in the log and has its end; sim_people.c
 *  I2  no invention    sim_check.c: no effect of what was refused, or of another version
 *  I3  once            sim_check.c: each effect counts 1
 *  I4  never both      sim_check.c: effect and fence, effect and CANCELLED, UNDONE, RESOLVED
 *  I5  integrity       sim_shop.c: the bytes delivered are the bytes submitted
 *  I6  order           what is sent before its sync is lost by power cuts, and then I1 or I20 fails
 *  I7  failed syncs    sim_disk forgets what a failed sync wrote; tests/crash looks at each
 *  I8  well-formed     sim_check.c reads all logs; sim_service.c: no start is refused without cause
 *  I9  prefix          tests/crash
 *  I10 custody         sim_check.c: no turn has two custodians, is given twice or taken twice
 *  I11 schedule        sim_run.c: what is due is tried, else I15 fails
 *  I12 one owner       tests/unit/journal
 *  I13 bounds          tests/crash: crash loops take no disk
 *  I15 liveness        sim_run.c: SIM_HEALED_MS after the last fault all have an end
 *  I16 left-overs      the same program under AddressSanitizer
 *  I17 retention       sim_people.c: what was accepted is known until its retention is over
 *  I18 same trace      sim_main.c: one seed of 50 is run twice
 *  I19 accounting      sim_check.c: what was answered is what the logs say
 *  I20 truth           sim_people.c: no answer goes back on an earlier one
 *
 * I14 is of real sockets: tests/system.
 */
#ifndef HERALD_TESTS_SIM_SIM_CHECK_H
#define HERALD_TESTS_SIM_SIM_CHECK_H

struct sim;

/* What was answered, against the receivers' database. */
void sim_check_promises(struct sim *self);
/* What the three logs say, when no service runs any more. */
void sim_check_logs(struct sim *self);

#endif
