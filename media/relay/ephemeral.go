package relay

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Ephemeral tells which ports from first to last the kernel also gives to other
// programs' connections: the overlap with ip_local_port_range, without what
// ip_local_reserved_ports keeps back. n is how many; 0: none.
func Ephemeral(first, last uint16) (low, high uint16, n int, err error) {
	ranges, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("cannot tell the kernel's ephemeral ports: %w", err)
	}
	reserved, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_reserved_ports")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("cannot tell the kernel's reserved ports: %w", err)
	}
	return overlap(first, last, string(ranges), string(reserved))
}

func overlap(first, last uint16, ephemeral, reserved string) (low, high uint16, n int, err error) {
	bounds := strings.Fields(ephemeral)
	if len(bounds) != 2 {
		return 0, 0, 0, fmt.Errorf("ip_local_port_range is %q, not two numbers", ephemeral)
	}
	from, err := strconv.ParseUint(bounds[0], 10, 16)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("ip_local_port_range: %w", err)
	}
	to, err := strconv.ParseUint(bounds[1], 10, 16)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("ip_local_port_range: %w", err)
	}
	kept, err := parsePorts(strings.TrimSpace(reserved))
	if err != nil {
		return 0, 0, 0, err
	}
	for port := max(int(first), int(from)); port <= min(int(last), int(to)); port++ {
		if kept(uint16(port)) {
			continue
		}
		if n == 0 {
			low = uint16(port)
		}
		high = uint16(port)
		n++
	}
	return low, high, n, nil
}

// parsePorts reads the kernel's lists: "8080,9000-9010".
func parsePorts(list string) (func(uint16) bool, error) {
	type span struct{ from, to uint16 }
	var spans []span
	for part := range strings.SplitSeq(list, ",") {
		if part == "" {
			continue
		}
		a, b, both := strings.Cut(part, "-")
		if !both {
			b = a
		}
		from, err := strconv.ParseUint(a, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("ip_local_reserved_ports: %w", err)
		}
		to, err := strconv.ParseUint(b, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("ip_local_reserved_ports: %w", err)
		}
		spans = append(spans, span{uint16(from), uint16(to)})
	}
	return func(port uint16) bool {
		for _, s := range spans {
			if s.from <= port && port <= s.to {
				return true
			}
		}
		return false
	}, nil
}
