// vishvananda/netlink, the way its documentation shows it.
//
//	go-netlink WORKLOAD COUNT PARENT_INDEX TARGET
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

type result map[string]interface{}

var (
	count  int
	parent int
	target string
	handle *netlink.Handle
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func milliseconds(since time.Time) float64 {
	return float64(time.Since(since).Nanoseconds()) / 1e6
}

func timed(work func()) result {
	start := time.Now()
	work()
	return result{"ms": milliseconds(start)}
}

func create(name string, namespace interface{}) *netlink.Macvlan {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	attributes.ParentIndex = parent
	attributes.Namespace = namespace
	link := &netlink.Macvlan{LinkAttrs: attributes, Mode: netlink.MACVLAN_MODE_BRIDGE}
	check(handle.LinkAdd(link))
	return link
}

func createAll() result {
	return timed(func() {
		for number := 0; number < count; number++ {
			create(fmt.Sprintf("mv%d", number), nil)
		}
	})
}

func createInto() result {
	space, err := netns.GetFromPath(target)
	check(err)
	return timed(func() {
		for number := 0; number < count; number++ {
			create(fmt.Sprintf("mv%d", number), netlink.NsFd(space))
		}
	})
}

func prepared(h *netlink.Handle) []netlink.Link {
	all, err := h.LinkList()
	check(err)
	var links []netlink.Link
	for _, link := range all {
		if strings.HasPrefix(link.Attrs().Name, "mv") {
			links = append(links, link)
		}
	}
	return links
}

func deleteEach(h *netlink.Handle, links []netlink.Link) {
	for _, link := range links {
		check(h.LinkDel(link))
	}
}

func list() result {
	var times []float64
	for round := 0; round < 7; round++ {
		start := time.Now()
		links, err := handle.LinkList()
		check(err)
		times = append(times, milliseconds(start))
		if len(links) < count {
			check(fmt.Errorf("%d links listed, of %d", len(links), count))
		}
	}
	first := times[0]
	sort.Float64s(times)
	return result{"ms": times[len(times)/2], "firstMs": first}
}

func attach(number int) {
	space, err := netns.GetFromPath(fmt.Sprintf("%s%d", target, number))
	check(err)
	defer space.Close()
	create("eth0", netlink.NsFd(space))
	inside, err := netlink.NewHandleAt(space)
	check(err)
	defer inside.Delete()
	link, err := inside.LinkByName("eth0")
	check(err)
	address, err := netlink.ParseAddr(fmt.Sprintf("10.%d.%d.2/24", number/250, number%250))
	check(err)
	check(inside.AddrAdd(link, address))
	check(inside.LinkSetUp(link))
	loopback, err := inside.LinkByIndex(1)
	check(err)
	check(inside.LinkSetUp(loopback))
}

func createNamespaces() result {
	home, err := netns.Get()
	check(err)
	name := filepath.Base(target)
	return timed(func() {
		for number := 0; number < count; number++ {
			space, err := netns.NewNamed(fmt.Sprintf("%s%d", name, number))
			check(err)
			check(netns.Set(home))
			space.Close()
		}
	})
}

func percentiles(times []float64) result {
	sort.Float64s(times)
	return result{
		"p50us":    times[len(times)/2] * 1e3,
		"p99us":    times[len(times)*99/100] * 1e3,
		"maxUs":    times[len(times)-1] * 1e3,
		"requests": len(times),
	}
}

func roundTrip(link netlink.Link) float64 {
	start := time.Now()
	check(handle.LinkSetUp(link))
	return milliseconds(start)
}

func latency(busy chan struct{}) result {
	link, err := handle.LinkByIndex(parent)
	check(err)
	for made := 0; made < 100; made++ {
		roundTrip(link)
	}
	var times []float64
	if busy == nil {
		for made := 0; made < count; made++ {
			times = append(times, roundTrip(link))
		}
		return percentiles(times)
	}
	for {
		select {
		case <-busy:
			return percentiles(times)
		case <-time.After(time.Millisecond):
			times = append(times, roundTrip(link))
		}
	}
}

func deleteElsewhere() chan struct{} {
	space, err := netns.GetFromPath(target)
	check(err)
	there, err := netlink.NewHandleAt(space)
	check(err)
	links := prepared(there)
	over := make(chan struct{})
	go func() {
		deleteEach(there, links)
		close(over)
	}()
	return over
}

func run(workload string) result {
	switch workload {
	case "create":
		return createAll()
	case "create-into":
		return createInto()
	case "delete":
		links := prepared(handle)
		return timed(func() { deleteEach(handle, links) })
	case "list":
		return list()
	case "attach":
		return timed(func() {
			for number := 0; number < count; number++ {
				attach(number)
			}
		})
	case "netns":
		return createNamespaces()
	case "latency":
		return latency(nil)
	case "latency-busy":
		return latency(deleteElsewhere())
	}
	check(fmt.Errorf("no such workload: %s", workload))
	return nil
}

func main() {
	// Entering a namespace is of a thread.
	runtime.LockOSThread()
	var err error
	count, err = strconv.Atoi(os.Args[2])
	check(err)
	parent, err = strconv.Atoi(os.Args[3])
	check(err)
	if len(os.Args) > 4 {
		target = os.Args[4]
	}
	handle, err = netlink.NewHandle()
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(run(os.Args[1])))
}
