# herald-order-consumer in a container, as docker-compose.yml starts it: TCP with CURVE, and the other services by
# their names there. Every value can be set in the environment instead: HERALD_DATABASE_URL for database/url.
producer = "tcp://producer:7101"
curve
    directory = "/etc/herald/keys"
front
    bind = "tcp://*:7401"
database
    path = "/var/lib/herald/orders/orders.db"
