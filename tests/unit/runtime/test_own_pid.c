#define _GNU_SOURCE /* dladdr */
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t
asked_of_the_kernel(void)
{
    return (pid_t)syscall(SYS_getpid);
}

/* Whether it ended with 0. */
static bool
ended_well(pid_t child)
{
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(own_pid, is_the_process_s)
{
    cr_assert_eq(getpid(), asked_of_the_kernel());
    cr_assert_eq(getpid(), asked_of_the_kernel(), "when it is kept too");
}

Test(own_pid, is_asked_for_once)
{
    pid_t parent = getpid();
    /* A child of which the C library does not know has what was kept. */
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        _exit(getpid() == parent && asked_of_the_kernel() != parent ? 0 : 1);
    }
    cr_assert(ended_well((pid_t)child));
}

Test(own_pid, is_another_one_in_a_fork_s_child)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            _exit(getpid() == asked_of_the_kernel() ? 0 : 1);
        }
        int status = -1;
        bool well = waitpid(grandchild, &status, 0) == grandchild && status == 0;
        _exit(well && getpid() == asked_of_the_kernel() && getpid() != parent ? 0 : 1);
    }
    cr_assert(ended_well(child));
    cr_assert_eq(getpid(), parent);
}

Test(own_pid, is_what_shared_libraries_find)
{
    Dl_info found = {NULL};
    Dl_info here = {NULL};
    void *symbol = dlsym(RTLD_DEFAULT, "getpid");
    cr_assert_not_null(symbol);
    cr_assert_neq(dladdr(symbol, &found), 0);
    cr_assert_neq(dladdr((void *)(uintptr_t)ended_well, &here), 0);
    cr_assert_eq(found.dli_fbase, here.dli_fbase, "this program's, not the C library's");
}
