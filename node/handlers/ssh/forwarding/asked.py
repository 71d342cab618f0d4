"""What asyncssh asks its server about forwarding. Without `forwards` everything is refused."""

from typing import Any

import asyncssh

from node.handlers.ssh.forwarding.forwards import Forwards


class ForwardsAsked(asyncssh.SSHServer):
    """Part of a connection's server. `forwards` stands once the client has signed in, where there is forwarding."""

    forwards: Forwards | None = None

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        return self.forwards is not None and self.forwards.connect(dest_host, dest_port)

    def unix_connection_requested(self, dest_path: str) -> Any:
        return self.forwards is not None and self.forwards.connect_unix(dest_path)

    def server_requested(self, listen_host: str, listen_port: int) -> Any:
        return self.forwards is not None and self.forwards.listen(listen_host, listen_port)

    def unix_server_requested(self, listen_path: str) -> Any:
        return self.forwards is not None and self.forwards.listen_unix(listen_path)

    def judge_forwards(self) -> int:
        """End what is forwarded and may not be any more, by the rights and the rules; how much there was."""
        return 0 if self.forwards is None else self.forwards.judge()

    def close_forwards(self) -> None:
        """End all of it."""
        if self.forwards is not None:
            self.forwards.close()

    async def finish_forwards(self) -> None:
        """Wait until all of it has ended."""
        if self.forwards is not None:
            await self.forwards.finish()
