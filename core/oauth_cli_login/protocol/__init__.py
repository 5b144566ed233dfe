"""The protocol, pure: requests built, responses read. No socket, clock, random source or HTTP library."""
