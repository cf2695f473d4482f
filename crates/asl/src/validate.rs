//! Validates a definition, field by field and as a graph.
