package db

import "net/netip"

// network is the part of an address that limits count by: all of IPv4, the
// first 64 bits of IPv6, since those are one customer's.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
