"""The contract: the AsyncAPI document and the reference of all events, made from the protocol's Structs."""
