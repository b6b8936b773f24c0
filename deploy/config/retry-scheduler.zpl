# herald-retry-scheduler in a container, as docker-compose.yml starts it: TCP with CURVE, and the other services by
# their names there. Every value can be set in the environment instead: HERALD_FRONT_BIND for front/bind.
curve
    directory = "/etc/herald/keys"
front
    bind = "tcp://*:7201"
outcome
    bind = "tcp://*:7202"
wake
    bind = "tcp://*:7203"
    producer = "tcp://producer:7103"
    compensator = "tcp://compensator:7303"
lanes
    bind = "tcp://*:*"    # any ports: consumers hear of them in the answer to their HELLO
