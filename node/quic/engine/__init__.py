"""aioquic's connection, bent where it must be: bounds, windows, path MTU, migration, keep-alive. No I/O."""
