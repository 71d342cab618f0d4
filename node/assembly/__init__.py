"""The assembly: reads the settings, makes every part of the node, wires them, and runs them to their end.

The only room that knows all the others. `process` is the node as a process, `node` is what stands for as long as that
runs, `serving` is what needs the node's key and waits for it where the vault is locked.
"""
