#   The demonstration's producer: the embedded default subscription (the order system), and two
#   receivers more, so that one notification can go to two of them.
subscriptions
    orders
        topic = "order.* payment.*"
        group = order-system
        policy = default
        compensation = reapply
    ledger
        topic = payment.refunded
        group = ledger
        policy = "500ms"
        compensation = reapply
    webhooks
        topic = "webhook.*"
        group = webhook-archive
        policy = default
        compensation = reapply
