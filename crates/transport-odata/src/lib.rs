//! The OData connector of driftless.
