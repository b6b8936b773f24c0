"""Each real service, killed at its system calls, and with its file operations failing (P1, P6, P7,
P8, P9, P10). Every accepted notification reaches its end all the same, and takes effect once."""

import re
import shutil
import signal
import unittest

from harness import PATIENCE, SANITIZER
from tracing import FILE_CALLS, Sweep, can_trace, commit, sample

# What a service may end with when the disk fails it: see OPERATIONS.md. 127 is the loader's, when the
# failing call was its own.
MAY_END_WITH = {None, 0, 73, 74, 75, 77, 127}
# ZeroMQ ends a process whose close fails, as a kill would: nothing may be lost by it either.
BY_ZEROMQ = re.compile(r"^Input/output error \((\./)?src/\w+\.cpp:\d+\)$", re.M)
ERRORS = {"openat": ("EIO", "ENOSPC", "EMFILE", "EINTR"), "pread64": ("EIO", "EINTR"),
          "pwrite64": ("EIO", "ENOSPC", "EDQUOT", "EFBIG", "EINTR"), "fdatasync": ("EIO", "EINTR"),
          "fsync": ("EIO", "EINTR"), "renameat2": ("EIO", "ENOSPC"), "unlinkat": ("EIO", "EROFS"),
          "unlink": ("EIO",), "mkdirat": ("ENOSPC", "EROFS"), "ftruncate": ("EIO", "EINTR"),
          "fallocate": ("ENOSPC", "EOPNOTSUPP", "EINTR"), "fstatfs": ("EIO",),
          "getdents64": ("EIO",), "newfstatat": ("EIO",), "statx": ("EIO",), "lseek": ("EIO",),
          "close": ("EIO",), "flock": ("EINTR", "EIO")}


def written_after_a_failed_sync(trace):
    """I7: no write and no sync through a descriptor whose sync has failed, until it is closed."""
    failed, found = set(), []
    for line in trace.splitlines():
        call = re.match(r"\d+\s+(\w+)\((\d+)", line)
        if not call:
            continue
        name, fd = call[1], call[2]
        if name == "close":
            failed.discard(fd)
        elif name in ("fdatasync", "fsync", "pwrite64"):
            if fd in failed:
                found.append(line)
            if name != "pwrite64" and "(INJECTED)" in line and "EINTR" not in line:
                failed.add(fd)
    return found


@unittest.skipUnless(can_trace(), "strace is missing or may not trace here")
class SystemCalls(unittest.TestCase):
    def sweep(self, name):
        sweep = Sweep(name)

        def clean():
            sweep.close()
            self.assertEqual(sweep.herald.sanitizer_reports(), {})
            shutil.rmtree(sweep.herald.data, ignore_errors=True)
        sweep.begin()
        self.addCleanup(clean)
        return sweep

    def say(self, sweep, points, what):
        print(f"{sweep.name}: {what} at {sweep.tried} of {len(points)} points ({sweep.reached} "
              f"reached), drawn from {commit()[:12]}", flush=True)
        self.assertGreater(sweep.reached, 0)

    def killed_at_its_calls(self, name):
        sweep = self.sweep(name)
        counts = sweep.calls()
        points = sample([(call, n + 1) for call, count in counts.items() for n in range(count)
                         if call not in ("execve", "arch_prctl", "brk")], name)

        def attempt(point):
            call, n = point
            code = sweep.attempt(["-e", f"trace={call}", "-e",
                                  f"inject={call}:signal=SIGKILL:when={n}"])
            self.assertIn(code, (None, -signal.SIGKILL), point)
            sweep.reached += code is not None
        sweep.run(points, attempt)
        self.say(sweep, points, "killed")

    def failed_at_its_calls(self, name):
        sweep = self.sweep(name)
        counts = sweep.calls()
        # Once, and from then on for ever; but what is only interrupted for ever never ends.
        points = sample([(call, n + 1, error, ever) for call in FILE_CALLS if call in counts
                         for n in range(counts[call]) for error in ERRORS[call]
                         for ever in ("", "+") if not (ever and error == "EINTR")],
                        name + " errors")

        def attempt(point):
            call, n, error, ever = point
            before = len(sweep.herald.log_text(name))
            code = sweep.attempt(["--seccomp-bpf", "-e", "trace=close,fdatasync,fsync,pwrite64," + call, "-e",
                                  f"inject={call}:error={error}:when={n}{ever}"])
            trace = sweep.herald.log_text("strace")
            log = sweep.herald.log_text(name)
            by_zeromq = call == "close" and BY_ZEROMQ.search(log[before:])
            if not (code == -signal.SIGABRT and by_zeromq and "check_failed" not in log[before:]):
                self.assertIn(code, MAY_END_WITH, f"{point}: {log[-1500:]}")
            self.assertIsNone(SANITIZER.search(log), point)
            if name != "order-consumer":  # SQLite's descriptors are its own matter
                self.assertEqual(written_after_a_failed_sync(trace), [], point)
            sweep.reached += "(INJECTED)" in trace
        sweep.run(points, attempt)
        self.say(sweep, points, "failed")

    def test_a_position_file_that_cannot_be_synced_is_a_disk_that_has_failed(self):
        for name, log in (("producer", "producer"), ("retry-scheduler", "scheduler"),
                          ("compensator", "compensator")):
            sweep = self.sweep(name)
            path = f"{sweep.herald.data}/journal/{log}/position"
            code = sweep.attempt(["-y", "-P", path, "-e", "trace=fdatasync,pwrite64,close", "-e",
                                  "inject=fdatasync:error=EIO"], patience=PATIENCE)
            trace = sweep.herald.log_text("strace")
            self.assertIn("/position>) = -1 EIO (Input/output error) (INJECTED)", trace)
            self.assertEqual(written_after_a_failed_sync(trace), [])
            self.assertEqual(code, 75, sweep.herald.log_text(name)[-1500:])
            sweep.recover()


def add_tests():
    for name in ("producer", "retry-scheduler", "compensator", "order-consumer"):
        for what, method in (("killed", SystemCalls.killed_at_its_calls),
                             ("failed", SystemCalls.failed_at_its_calls)):
            def test(self, name=name, method=method):
                method(self, name)
            setattr(SystemCalls, f"test_{name.replace('-', '_')}_{what}_at_its_system_calls", test)


add_tests()

if __name__ == "__main__":
    unittest.main(verbosity=2)
