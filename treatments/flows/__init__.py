"""What writes in several rooms at once. Views call one flow or one service; nothing left of flows calls it."""
