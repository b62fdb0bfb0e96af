// The usual way of agents in Go, with github.com/vishvananda/netlink: look each link up by name, replace one route, wait.
//
// Answers a line `OPERATION FAMILY NEXTHOPS COUNT` with the microseconds it took. bench/field.ts defines the field.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
)

func destination(family, number int) *net.IPNet {
	high, low := number>>16, number&0xffff
	if family == 4 {
		return &net.IPNet{IP: net.IPv4(198, byte(18+high), byte(low>>8), byte(low)).To4(), Mask: net.CIDRMask(32, 32)}
	}
	ip := net.ParseIP("2001:db8::")
	ip[12], ip[13], ip[14], ip[15] = byte(high>>8), byte(high), byte(low>>8), byte(low)
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)}
}

func gateway(family, pod, variant int) net.IP {
	if family == 4 {
		return net.IPv4(10, 1, byte(pod+1), byte(2+variant)).To4()
	}
	return net.ParseIP(fmt.Sprintf("fd00:1:%d::%d", pod+1, 2+variant))
}

func change(operation string, family, nexthops, number int) error {
	route := netlink.Route{Dst: destination(family, number), Protocol: 70, Priority: 16}
	if operation == "delete" {
		return netlink.RouteDel(&route)
	}
	variant := 1
	if operation == "add" {
		variant = 0
	}
	for pod := 0; pod < nexthops; pod++ {
		link, err := netlink.LinkByName(fmt.Sprintf("p%d", pod))
		if err != nil {
			return err
		}
		if nexthops == 1 {
			route.LinkIndex = link.Attrs().Index
			route.Gw = gateway(family, pod, variant)
		} else {
			hop := netlink.NexthopInfo{LinkIndex: link.Attrs().Index, Gw: gateway(family, pod, variant)}
			route.MultiPath = append(route.MultiPath, &hop)
		}
	}
	return netlink.RouteReplace(&route)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var operation string
		var family, nexthops, count int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %d %d", &operation, &family, &nexthops, &count); err != nil {
			fmt.Println("error", err)
			continue
		}
		began := time.Now()
		var failure error
		for number := 0; number < count && failure == nil; number++ {
			failure = change(operation, family, nexthops, number)
		}
		if failure != nil {
			fmt.Println("error", failure)
		} else {
			fmt.Println(float64(time.Since(began).Nanoseconds()) / 1e3)
		}
	}
}
