"""Links to other nodes, as the settings name them: kept up, and what the others offer kept imported (decision 34)."""
