"""AMQP 1.0 to Service Bus: Proton speaks it, asyncio carries it, the target guard makes the sockets."""
