# docker-compose 2 as trixie has it, for test_version2.py.
FROM debian:trixie-slim
RUN apt-get -q update && \
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends docker-compose >/dev/null
