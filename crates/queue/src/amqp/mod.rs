//! amqp half of the queue.
