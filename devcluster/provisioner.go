package main

import (
	"context"
	"fmt"
	"os"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	provisionerName         = "tiphys.dev/devcluster"
	provisionedByAnnotation = "pv.kubernetes.io/provisioned-by"
	provisionerAnnotation   = "volume.kubernetes.io/storage-provisioner"
)

// provision creates a volume for every claim that the volume controller hands
// to this provisioner, already bound to the claim from its own side, and
// deletes the volumes that were released. The volume controller does the rest.
func provision(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactory(client, 0)
	work := make(chan func(context.Context) error, 1024)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	watch(claims, func(claim *core.PersistentVolumeClaim) {
		if wanted(claim) {
			work <- func(ctx context.Context) error { return createVolume(ctx, client, claim) }
		}
	})
	watch(volumes, func(volume *core.PersistentVolume) {
		if released(volume) {
			work <- func(ctx context.Context) error { return deleteVolume(ctx, client, volume) }
		}
	})
	factory.Start(ctx.Done())
	for {
		select {
		case <-ctx.Done():
			return
		case step := <-work:
			if err := poll(ctx, 5*time.Second, step); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "provisioner:", err)
			}
		}
	}
}

func watch[T any](informer cache.SharedIndexInformer, seen func(T)) {
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { seen(object.(T)) },
		UpdateFunc: func(_, object any) { seen(object.(T)) },
	})
	if err != nil {
		panic(err) // only of an informer that was stopped
	}
}

func wanted(claim *core.PersistentVolumeClaim) bool {
	return claim.Status.Phase == core.ClaimPending &&
		claim.Spec.VolumeName == "" &&
		claim.DeletionTimestamp == nil &&
		claim.Annotations[provisionerAnnotation] == provisionerName
}

func released(volume *core.PersistentVolume) bool {
	return volume.Status.Phase == core.VolumeReleased &&
		volume.DeletionTimestamp == nil &&
		volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete &&
		volume.Annotations[provisionedByAnnotation] == provisionerName
}

func createVolume(ctx context.Context, client kubernetes.Interface, claim *core.PersistentVolumeClaim) error {
	name := "pvc-" + string(claim.UID)
	kind := core.HostPathDirectoryOrCreate
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedByAnnotation: provisionerName}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              *claim.Spec.StorageClassName,
			PersistentVolumeReclaimPolicy: core.PersistentVolumeReclaimDelete,
			ClaimRef: &core.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			// Nobody mounts it: the nodes are simulated.
			PersistentVolumeSource: core.PersistentVolumeSource{
				HostPath: &core.HostPathVolumeSource{Path: "/simulated/" + name, Type: &kind},
			},
		},
	}
	_, err := client.CoreV1().PersistentVolumes().Create(ctx, volume, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func deleteVolume(ctx context.Context, client kubernetes.Interface, volume *core.PersistentVolume) error {
	same := meta.DeleteOptions{Preconditions: &meta.Preconditions{UID: &volume.UID}}
	err := client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, same)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
