package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// slots is how many a cluster has.
const slots = 16384

// Cluster is one of masters alone, each with as many slots as the next.
type Cluster []*Redis

// StartCluster starts an empty one and waits until every master knows it.
func StartCluster(ctx context.Context, masters int) (_ Cluster, err error) {
	var c Cluster
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	buses := make([]string, masters)
	for i := range masters {
		addr, err := freeAddr()
		if err != nil {
			return c, err
		}
		if _, buses[i], err = net.SplitHostPort(addr); err != nil {
			return c, err
		}
		node, err := StartRedis(ctx, false, "--cluster-enabled", "yes", "--cluster-port", buses[i])
		if err != nil {
			return c, err
		}
		c = append(c, node)
		if err := node.Client.ClusterAddSlotsRange(
			ctx, i*slots/masters, (i+1)*slots/masters-1,
		).Err(); err != nil {
			return c, err
		}
	}
	host, port, err := net.SplitHostPort(c[0].Addr)
	if err != nil {
		return c, err
	}
	for _, node := range c[1:] {
		if err := node.Client.Do(ctx, "CLUSTER", "MEET", host, port, buses[0]).Err(); err != nil {
			return c, err
		}
	}
	for _, node := range c {
		if err := node.awaitCluster(ctx, masters); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (r *Redis) awaitCluster(ctx context.Context, nodes int) error {
	return until(ctx, startsWithin, func(ctx context.Context) error {
		info, err := r.Client.ClusterInfo(ctx).Result()
		if err != nil {
			return err
		}
		if infoNumber(info, "cluster_known_nodes") != int64(nodes) || !strings.Contains(info, "cluster_state:ok") {
			return fmt.Errorf("%s does not know the whole cluster", r.Addr)
		}
		return nil
	})
}

// Addrs are the addresses of all masters, separated by commas.
func (c Cluster) Addrs() string {
	addrs := make([]string, len(c))
	for i, node := range c {
		addrs[i] = node.Addr
	}
	return strings.Join(addrs, ",")
}

// Commands counts what all masters have executed so far.
func (c Cluster) Commands(ctx context.Context) (Commands, error) {
	var sum Commands
	for _, node := range c {
		one, err := node.Commands(ctx)
		if err != nil {
			return sum, err
		}
		sum = sum.plus(one)
	}
	return sum, nil
}

// Close ends all masters and removes what they wrote.
func (c Cluster) Close() error {
	errs := make([]error, len(c))
	for i, node := range c {
		errs[i] = node.Close()
	}
	return errors.Join(errs...)
}
