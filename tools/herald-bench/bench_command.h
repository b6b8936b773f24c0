/* The commands of herald-bench. Each gets the arguments behind its name and returns an exit code.
 */
#ifndef HERALD_BENCH_COMMAND_H
#define HERALD_BENCH_COMMAND_H

int bench_command_run(int argc, char **argv);
int bench_command_ceiling(int argc, char **argv);
int bench_command_retain(int argc, char **argv);
int bench_command_suite(int argc, char **argv);
int bench_command_hostile(int argc, char **argv);

#endif
