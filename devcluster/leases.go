package main

import (
	"context"
	"fmt"
	"os"
	"time"

	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	leaseNamespace = "kube-node-lease"
	leaseSeconds   = 120
	renewInterval  = time.Minute
)

// renewLeases shows that the nodes live, as their kubelets would. kwok could do
// it, but after a restart it leaves the pods alone until its old lease ends.
func renewLeases(ctx context.Context, client kubernetes.Interface) {
	for {
		for _, name := range nodeNames {
			if err := renewLease(ctx, client, name); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "cannot renew the lease of", name+":", err)
			}
		}
		if !pause(ctx, renewInterval) {
			return
		}
	}
}

func renewLease(ctx context.Context, client kubernetes.Interface, node string) error {
	leases := client.CoordinationV1().Leases(leaseNamespace)
	seconds, now := int32(leaseSeconds), meta.NowMicro()
	spec := coordination.LeaseSpec{HolderIdentity: &node, LeaseDurationSeconds: &seconds, RenewTime: &now}
	lease, err := leases.Get(ctx, node, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		lease = &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: node}, Spec: spec}
		_, err = leases.Create(ctx, lease, meta.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec = spec
	_, err = leases.Update(ctx, lease, meta.UpdateOptions{})
	return err
}
