"""HTTP and WebSocket on one port: who may come in, and what clients ask and get."""
