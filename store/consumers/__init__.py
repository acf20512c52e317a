"""Our own consumers: what they have read so far, and who subscribed to us.

    consumers.db   checkpoints of those who pull, subscriptions of those who are notified

A file of its own: log.db has one writer and is the truth about events; what a consumer has read is
not. Lost, it costs consumers a repetition and subscribers a new subscription, never an event.
"""
