# herald-compensator in a container, as docker-compose.yml starts it: TCP with CURVE, and the other services by
# their names there. Every value can be set in the environment instead: HERALD_FRONT_BIND for front/bind.
curve
    directory = "/etc/herald/keys"
front
    bind = "tcp://*:7301"
wake
    bind = "tcp://*:7303"
    producer = "tcp://producer:7103"
    scheduler = "tcp://retry-scheduler:7203"
