"""HTTP: pages, WHIP, WHEP and the control socket."""
