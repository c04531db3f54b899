//! OData 4.01 as a protocol, for clients and servers: query text, payloads, batch, delta, metadata.
