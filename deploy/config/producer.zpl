# herald-producer in a container, as docker-compose.yml starts it: TCP with CURVE, and the other services by
# their names there. Every value can be set in the environment instead: HERALD_FRONT_BIND for front/bind.
curve
    directory = "/etc/herald/keys"
front
    bind = "tcp://*:7101"
outcome
    bind = "tcp://*:7102"
wake
    bind = "tcp://*:7103"
lanes
    bind = "tcp://*:*"    # any ports: consumers hear of them in the answer to their HELLO
scheduler
    wake = "tcp://retry-scheduler:7203"
    front = "tcp://retry-scheduler:7201"
compensator
    wake = "tcp://compensator:7303"
    front = "tcp://compensator:7301"
