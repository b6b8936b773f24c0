# A machine with systemd, for test_packages.py.
ARG DEBIAN=bookworm
FROM debian:${DEBIAN}-slim
RUN apt-get -q update && \
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends systemd systemd-sysv dbus >/dev/null
STOPSIGNAL SIGRTMIN+3
CMD ["/lib/systemd/systemd"]
