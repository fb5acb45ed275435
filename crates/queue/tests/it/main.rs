//! Both queues keep the same promises.

mod amqp;
mod embedded;
mod suite;
