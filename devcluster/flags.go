package main

import (
	"fmt"
	"runtime"
)

// component is one process of the control plane.
type component struct {
	name string
	args []string
	env  []string
}

// The order in which they start; they stop in the reverse order.
func (i *instance) components() []component {
	return []component{
		{name: etcdName, args: i.etcdArgs(), env: []string{"GOGC=50"}},
		{name: apiServerName, args: i.apiServerArgs(), env: []string{"GOGC=75"}},
		{name: controllerManagerName, args: i.controllerManagerArgs(), env: []string{"GOGC=50"}},
		{name: schedulerName, args: i.schedulerArgs(), env: []string{"GOGC=50"}},
		{name: kwokName, args: i.kwokArgs(), env: []string{"GOGC=50"}},
	}
}

func (i *instance) etcdArgs() []string {
	client := "https://" + loopback(i.Ports.EtcdClient)
	peer := "https://" + loopback(i.Ports.EtcdPeer)
	return []string{
		"--name=devcluster",
		"--data-dir=" + i.path("etcd"),
		// The kernel keeps what was written when a process is killed; only a
		// crash of the machine can lose it, and then this is a test cluster.
		"--unsafe-no-fsync",
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=devcluster=" + peer,
		"--cert-file=" + i.pki("etcd.crt"),
		"--key-file=" + i.pki("etcd.key"),
		"--trusted-ca-file=" + i.pki("ca.crt"),
		"--client-cert-auth",
		"--peer-cert-file=" + i.pki("etcd.crt"),
		"--peer-key-file=" + i.pki("etcd.key"),
		"--peer-trusted-ca-file=" + i.pki("ca.crt"),
		"--peer-client-cert-auth",
		"--snapshot-count=5000",
		"--log-level=warn",
	}
}

func (i *instance) apiServerArgs() []string {
	return []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", i.Ports.APIServer),
		// There is no host whose address pods could reach.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--etcd-servers=https://" + loopback(i.Ports.EtcdClient),
		"--etcd-cafile=" + i.pki("ca.crt"),
		"--etcd-certfile=" + i.pki("etcd-client.crt"),
		"--etcd-keyfile=" + i.pki("etcd-client.key"),
		"--tls-cert-file=" + i.pki("apiserver.crt"),
		"--tls-private-key-file=" + i.pki("apiserver.key"),
		"--client-ca-file=" + i.pki("ca.crt"),
		"--kubelet-certificate-authority=" + i.pki("ca.crt"),
		"--kubelet-client-certificate=" + i.pki("kubelet-client.crt"),
		"--kubelet-client-key=" + i.pki("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + i.pki("service-account.key"),
		"--service-account-signing-key-file=" + i.pki("service-account.key"),
		"--authorization-mode=Node,RBAC",
		"--audit-policy-file=" + i.path("config", "audit-policy.yaml"),
		"--audit-log-path=" + i.path("audit.log"),
		"--audit-log-format=json",
		// Each request writes its own line when it is done: who counts right
		// after an answer may have to wait for milliseconds, not for a batch.
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=1000",
		"--audit-log-maxbackup=1",
		"--profiling=false",
	}
}

func (i *instance) controllerManagerArgs() []string {
	return append(i.clientArgs(controllerManagerName),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		"--cluster-name=tiphys-"+i.Name,
		"--root-ca-file="+i.pki("ca.crt"),
		"--service-account-private-key-file="+i.pki("service-account.key"),
		"--cluster-signing-cert-file="+i.pki("ca.crt"),
		"--cluster-signing-key-file="+i.pki("ca.key"),
		// Left out: what concerns real machines, and kinds that no object here has.
		"--controllers=*,-persistentvolume-attach-detach-controller,-persistentvolume-expander-controller,"+
			"-ttl-controller,-selinux-warning-controller,-device-taint-eviction-controller,"+
			"-resourceclaim-controller,-legacy-serviceaccount-token-cleaner-controller,"+
			"-storage-version-migrator-controller,-podcertificaterequest-cleaner-controller",
		// The nodes cannot fail; on a machine that slept they must not seem to.
		"--node-monitor-grace-period=5m",
		"--pvclaimbinder-sync-period=1s",
		"--horizontal-pod-autoscaler-sync-period=5s",
		"--concurrent-deployment-syncs=20",
		"--concurrent-replicaset-syncs=20",
		"--concurrent-statefulset-syncs=20",
		"--concurrent-job-syncs=20",
		"--concurrent-service-endpoint-syncs=20",
		"--concurrent-namespace-syncs=20",
		"--concurrent-serviceaccount-token-syncs=20",
		"--concurrent-gc-syncs=20",
		"--mirroring-concurrent-service-endpoint-syncs=5",
	)
}

func (i *instance) schedulerArgs() []string {
	return append(i.clientArgs(schedulerName),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	)
}

// clientArgs name the credentials and lift the client's own rate limit: the
// answer of the API server is the only limit.
func (i *instance) clientArgs(name string) []string {
	config := i.path("config", name+".kubeconfig")
	return []string{
		"--kubeconfig=" + config,
		"--kube-api-qps=10000",
		"--kube-api-burst=20000",
	}
}

func (i *instance) kwokArgs() []string {
	return []string{
		"--config=" + i.path("config", "kwok.yaml"),
		"--kubeconfig=" + i.path("config", kwokName+".kubeconfig"),
		"--manage-all-nodes=true",
		"--node-ip=127.0.0.1",
		"--cidr=" + podCIDR,
	}
}

// stageWorkers is how many status writes kwok has in flight at once.
func stageWorkers() int { return 8 * runtime.NumCPU() }
