package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"text/template"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
)

// Two nodes, so that spreading and anti-affinity have something to choose from.
var nodeNames = []string{"tiphys-node-1", "tiphys-node-2"}

//go:embed assets
var assets embed.FS

// writeConfiguration writes the components' configuration files: the audit
// policy, and kwok's options and stages in one file.
func writeConfiguration(dir string) error {
	policy, err := assets.ReadFile("assets/audit-policy.yaml")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "audit-policy.yaml"), policy); err != nil {
		return err
	}
	options, err := template.ParseFS(assets, "assets/kwok.yaml")
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := options.Execute(&content, map[string]int{"Workers": stageWorkers()}); err != nil {
		return err
	}
	stages, err := fs.Glob(assets, "assets/stages/*.yaml")
	if err != nil {
		return err
	}
	for _, name := range stages {
		stage, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		content.WriteString("---\n")
		content.Write(stage)
	}
	return writeFile(filepath.Join(dir, "kwok.yaml"), content.Bytes())
}

// awaitAPIServer waits until the API server answers that it is ready, its own
// roles and priority levels included.
func awaitAPIServer(ctx context.Context, in *instance) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", in.path("config", "supervisor.kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 1000, 2000
	config.UserAgent = "tiphys-devcluster"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return client, poll(ctx, startPatience, func(ctx context.Context) error {
		return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// furnish creates the nodes and the default storage class.
func furnish(ctx context.Context, client kubernetes.Interface, kubeletPort int) error {
	return poll(ctx, 15*time.Second, func(ctx context.Context) error {
		for _, name := range nodeNames {
			if err := furnishNode(ctx, client, name, kubeletPort); err != nil {
				return err
			}
		}
		_, err := client.StorageV1().StorageClasses().Create(ctx, defaultStorageClass(), meta.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	})
}

func furnishNode(ctx context.Context, client kubernetes.Interface, name string, kubeletPort int) error {
	node := &core.Node{ObjectMeta: meta.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			"kubernetes.io/hostname": name,
			"kubernetes.io/os":       "linux",
			"kubernetes.io/arch":     "amd64",
			"type":                   "kwok",
		},
		Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
	}}
	node, err := client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		node, err = client.CoreV1().Nodes().Get(ctx, name, meta.GetOptions{})
	}
	if err != nil {
		return err
	}
	// Conditions are kwok's: a new node that becomes ready shows that it works.
	conditions := node.Status.Conditions
	node.Status = nodeStatus(name, kubeletPort)
	node.Status.Conditions = conditions
	_, err = client.CoreV1().Nodes().UpdateStatus(ctx, node, meta.UpdateOptions{})
	return err
}

func nodeStatus(name string, kubeletPort int) core.NodeStatus {
	capacity := core.ResourceList{
		core.ResourceCPU:              resource.MustParse("1000"),
		core.ResourceMemory:           resource.MustParse("4Ti"),
		core.ResourceEphemeralStorage: resource.MustParse("100Ti"),
		core.ResourcePods:             resource.MustParse("20000"),
	}
	return core.NodeStatus{
		Capacity:    capacity,
		Allocatable: capacity,
		Addresses: []core.NodeAddress{
			{Type: core.NodeInternalIP, Address: "127.0.0.1"},
			{Type: core.NodeHostName, Address: name},
		},
		DaemonEndpoints: core.NodeDaemonEndpoints{KubeletEndpoint: core.DaemonEndpoint{Port: int32(kubeletPort)}},
		NodeInfo: core.NodeSystemInfo{
			OperatingSystem: "linux", Architecture: "amd64",
			KubeletVersion: version.Get().GitVersion, ContainerRuntimeVersion: "kwok://0.8.0",
			OSImage: "simulated", KernelVersion: "simulated",
		},
	}
}

func defaultStorageClass() *storage.StorageClass {
	reclaim, binding := core.PersistentVolumeReclaimDelete, storage.VolumeBindingImmediate
	return &storage.StorageClass{
		ObjectMeta: meta.ObjectMeta{
			Name:        "standard",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       provisionerName,
		ReclaimPolicy:     &reclaim,
		VolumeBindingMode: &binding,
	}
}

// awaitReady waits for what shows that the controllers work and that a pod
// would be scheduled: the default service account, and nodes that kwok made
// ready and that lost the taint that they are born with.
func awaitReady(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, startPatience, func(ctx context.Context) error {
		if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", meta.GetOptions{}); err != nil {
			return fmt.Errorf("the controller manager has not created the default service account: %w", err)
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range nodes.Items {
			if !isReady(&node) || len(node.Spec.Taints) > 0 {
				return errors.New("node " + node.Name + " is not ready")
			}
		}
		return nil
	})
}

func isReady(node *core.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}
