package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	serviceCIDR    = "10.96.0.0/16"
	firstServiceIP = "10.96.0.1"
	podCIDR        = "10.244.0.0/16"
)

// Ports below the range that systems hand out to outgoing connections, so that
// a stopped instance finds its own free again.
const firstPort, lastPort = 20000, 31999

// ports of an instance, all on loopback, kept for as long as its data.
type ports struct {
	APIServer  int `json:"apiserver"`
	EtcdClient int `json:"etcdClient"`
	EtcdPeer   int `json:"etcdPeer"`
	Kubelet    int `json:"kubelet"`
}

// instance is one control plane: its folder and what was decided for it once.
type instance struct {
	Name  string `json:"name"`
	Ports ports  `json:"ports"`

	dir string
}

func (i *instance) path(parts ...string) string {
	return filepath.Join(append([]string{i.dir}, parts...)...)
}

func (i *instance) pki(file string) string { return i.path("pki", file) }

func (i *instance) server() string {
	return "https://127.0.0.1:" + strconv.Itoa(i.Ports.APIServer)
}

// openInstance reads the instance of a folder, or makes a new one there.
func openInstance(name, dir string) (*instance, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	in := &instance{Name: name, dir: dir}
	for _, folder := range []string{"", "pki", "logs", "config"} {
		if err := os.MkdirAll(in.path(folder), 0o700); err != nil {
			return nil, err
		}
	}
	file := in.path("instance.json")
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, in); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return in, nil
	}
	if in.Ports, err = choosePorts(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return in, writeFile(file, data)
}

func choosePorts() (ports, error) {
	var chosen [4]int
	for n := range chosen {
		port, err := freePort(chosen[:n])
		if err != nil {
			return ports{}, err
		}
		chosen[n] = port
	}
	return ports{APIServer: chosen[0], EtcdClient: chosen[1], EtcdPeer: chosen[2], Kubelet: chosen[3]}, nil
}

func freePort(taken []int) (int, error) {
search:
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		for _, other := range taken {
			if port == other {
				continue search
			}
		}
		if probePort(port) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free loopback port between %d and %d", firstPort, lastPort)
}

func probePort(port int) error {
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return err
	}
	return listener.Close()
}

// awaitPorts waits for the ports that a killed predecessor still holds for a
// moment; what holds one for longer is another program.
func (i *instance) awaitPorts(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for _, port := range []int{i.Ports.EtcdClient, i.Ports.EtcdPeer, i.Ports.APIServer, i.Ports.Kubelet} {
		for probePort(port) != nil {
			if time.Now().After(deadline) {
				return fmt.Errorf("port %d of this instance is in use by another program: end that, or reset the instance to give it new ports", port)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// writeKubeconfigs writes the administrator's file, for people and tests, and
// one for each component.
func (i *instance) writeKubeconfigs() error {
	if err := i.writeKubeconfig("admin", "admin", i.path("kubeconfig")); err != nil {
		return err
	}
	for _, name := range []string{controllerManagerName, schedulerName, kwokName, "supervisor"} {
		if err := i.writeKubeconfig(name, name, i.path("config", name+".kubeconfig")); err != nil {
			return err
		}
	}
	return nil
}

func (i *instance) writeKubeconfig(certificate, user, file string) error {
	var data [3][]byte
	for n, name := range []string{"ca.crt", certificate + ".crt", certificate + ".key"} {
		var err error
		if data[n], err = os.ReadFile(i.pki(name)); err != nil {
			return err
		}
	}
	context := "tiphys-" + i.Name
	config := clientcmdapi.NewConfig()
	config.Clusters[context] = &clientcmdapi.Cluster{Server: i.server(), CertificateAuthorityData: data[0]}
	config.AuthInfos[context+"-"+user] = &clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}
	config.Contexts[context] = &clientcmdapi.Context{Cluster: context, AuthInfo: context + "-" + user, Namespace: "argocd"}
	config.CurrentContext = context
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(file, content)
}
