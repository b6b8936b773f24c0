#include "order_cut.h"

#include "base/check.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME ".s.PGSQL.5432"

static int countdown;
static bool cut_before;

static int
unix_socket(const char *dir, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int size = snprintf(address->sun_path, sizeof address->sun_path, "%s/" SOCKET_NAME, dir);
    CHECK(size > 0 && (size_t)size < sizeof address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    return fd;
}

static bool
has_commit(const char *bytes, size_t size)
{
    for (size_t i = 0; i + 7 <= size; i++) {
        if (memcmp(bytes + i, "COMMIT", 7) == 0) {
            return true;
        }
    }
    return false;
}

/* Pass on what there is to read; false: the connection ends here. */
static bool
pass(int from, int to, bool from_client)
{
    static char bytes[1 << 20];
    ssize_t got = read(from, bytes, sizeof bytes);
    if (got <= 0) {
        return false;
    }
    bool cut = from_client && has_commit(bytes, (size_t)got) && --countdown == 0;
    if (cut && cut_before) {
        return false;
    }
    for (ssize_t sent = 0; sent < got;) {
        ssize_t more = write(to, bytes + sent, (size_t)(got - sent));
        if (more <= 0) {
            return false;
        }
        sent += more;
    }
    if (!cut) {
        return true;
    }
    CHECK(read(to, bytes, sizeof bytes) > 0); /* the answer comes, and goes no further */
    return false;
}

static void
serve(int client, int server)
{
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    bool going = true;
    while (going && poll(fds, 2, -1) > 0) {
        for (int i = 0; i < 2 && going; i++) {
            if (fds[i].revents != 0) {
                going = pass(fds[i].fd, fds[1 - i].fd, i == 0);
            }
        }
    }
    (void)close(client);
    (void)close(server);
}

void
order_cut_start(struct order_cut *self, const char *host, int n, bool before)
{
    (void)snprintf(self->dir, sizeof self->dir, "/tmp/herald-cut-XXXXXX");
    CHECK(mkdtemp(self->dir) != NULL);
    struct sockaddr_un own;
    int listener = unix_socket(self->dir, &own);
    CHECK(bind(listener, (struct sockaddr *)&own, sizeof own) == 0 && listen(listener, 8) == 0);
    self->process = fork();
    CHECK(self->process >= 0);
    if (self->process == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        countdown = n;
        cut_before = before;
        for (;;) { /* one at a time: the next one comes when this one is cut */
            int client = accept(listener, NULL, NULL);
            struct sockaddr_un address;
            int server = unix_socket(host, &address);
            if (client < 0 || connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
                _exit(1);
            }
            serve(client, server);
        }
    }
    (void)close(listener);
}

void
order_cut_stop(struct order_cut *self)
{
    CHECK(kill(self->process, SIGKILL) == 0 && waitpid(self->process, NULL, 0) == self->process);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/" SOCKET_NAME, self->dir);
    CHECK(unlink(path) == 0 && rmdir(self->dir) == 0);
}
