/*
 * A file system under SQLite that fails or kills where it is told to: every write, truncate and
 * sync of the files that SQLite opens is counted, and one of them is the chosen one.
 */
#ifndef HERALD_TEST_ORDER_FAULTS_H
#define HERALD_TEST_ORDER_FAULTS_H

enum order_faults_operation {
    ORDER_FAULTS_WRITE = 1,
    ORDER_FAULTS_TRUNCATE = 2,
    ORDER_FAULTS_SYNC = 4,
    ORDER_FAULTS_ANY = 7,
};

/* Becomes the default for files opened from here on, for the life of the process. */
void order_faults_install(void);

/* From now on the n-th operation (from 1) of these kinds kills the process before it happens... */
void order_faults_kill_at(int n, int operations);

/* ... or returns this result instead of happening, and so does every later one. */
void order_faults_fail_from(int n, int operations, int result);

void order_faults_clear(void);

#endif
