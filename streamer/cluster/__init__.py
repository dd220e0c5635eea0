"""Many machines as one Earshot, on Ray (extra `cluster`): `earshot cluster`, and `… --join` on the others.

What runs where. The first machine has Ray's store, the registry (`manager.py`) and the front door, which is all that
clients need to know the address of. Media servers (`media_server.py`) are Ray actors on any machine: each is a process
with a port and UDP ports of its own, and with its engine and observer as its children, as in `earshot serve`; with
`--engines N` these are actors too (`models.py`), up to N of each, which all media servers use. A room is on one media
server, never on two. Ray starts them again wherever there is place; the manager has between `--min` and `--max`
of them, by how late their blocks are and how many pictures they leave out (`scaling.py`). What is known in a room is
kept by two actors on two machines (`keeper.py`).

A machine that is to go (SIGTERM) is drained: its media servers are replaced by others elsewhere first, and everyone in
their rooms is told to come over, while the old connection still plays. `earshot cluster --renew` renews media servers
one by one, without an interruption, then engines and observers that all use: models that load want most of a machine.

For whoever runs it:

- Ray listens on `--node-address`, 127.0.0.1 by default, else the machine's address in a private network, and lets in
  who has a token made of the secret: whoever gets past both can run programs. Ray's traffic and the front door's to
  media servers without TLS are not encrypted: the network between the machines has to be yours.
- All machines need the same release, `EARSHOT_SECRET` and, with TLS, a certificate good for all their names.
- Clients have to reach UDP of every machine (`udp_ports` is divided among the servers of one), and WHIP and WHEP
  clients its TCP ports.
- The first machine is not replaced. When its front door alone dies, all calls go on, and nobody new finds them. When
  Ray's store dies with it, calls on other machines go on for a minute, which is Ray's patience (measured: 60 s); then
  Ray ends there, and with it the media servers, the calls, and what was kept of their rooms: after a new start links
  open the rooms again, empty. Ray's store can be kept in a Redis (`RAY_REDIS_ADDRESS`, see Ray's documentation), which
  this does not set up.
- With `--engines` sound and pictures of every participant go on to the machine of the engine, not encrypted: 64 KB/s of
  sound and up to 8 MB/s of pictures (854x480, 13 a second) for whoever has a camera on, and 2 MB/s to the observer.
  That is worth it where few machines have GPUs. A media server then counts as half a processor and an engine as one,
  and there are no more engines than media servers. While one that died is replaced, its calls have plain sound.
- Without `--engines` a media server counts as one processor. To renew one, or to drain its machine, there has to be
  place for one more.
"""
