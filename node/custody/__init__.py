"""The recovery phrase at rest, and the life of the vault in the node: locked, unlocked, and how it becomes so."""
