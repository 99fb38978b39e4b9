package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"tiphys.dev/devcluster/internal/container"
)

// kubelet is the part of a node that the API server calls: logs and exec. It
// answers the API server's own certificate only. (kwok has such an endpoint
// too, but answers anybody on the machine, and runs the commands on it.)
type kubelet struct {
	listener net.Listener
	config   *tls.Config
	server   *http.Server
}

func startKubelet(in *instance) (*kubelet, error) {
	certificate, err := tls.LoadX509KeyPair(in.pki("kubelet.crt"), in.pki("kubelet.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(in.pki("ca.crt"))
	if err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	listener, err := net.Listen("tcp", loopback(in.Ports.Kubelet))
	if err != nil {
		return nil, err
	}
	return &kubelet{listener: listener, config: &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
		// Upgrades to SPDY and WebSocket are HTTP/1.1's.
		NextProtos: []string{"http/1.1"},
		VerifyConnection: func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; name != kubeletClientName {
				return fmt.Errorf("the kubelet does not answer %q", name)
			}
			return nil
		},
	}}, nil
}

func (k *kubelet) serve(client kubernetes.Interface) {
	pods := podSource{client: client}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", pods.serveLogs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", pods.serveExec)
	k.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		err := k.server.Serve(tls.NewListener(k.listener, k.config))
		if !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "kubelet:", err)
		}
	}()
}

func (k *kubelet) Close() {
	_ = k.listener.Close()
	if k.server != nil {
		_ = k.server.Close()
	}
}

// podSource reads the pod that a request is about.
type podSource struct {
	client kubernetes.Interface
}

func (s podSource) container(request *http.Request) (*core.Pod, *core.Container, error) {
	namespace, name := request.PathValue("namespace"), request.PathValue("pod")
	pod, err := s.client.CoreV1().Pods(namespace).Get(request.Context(), name, meta.GetOptions{})
	if err != nil {
		return nil, nil, err
	}
	wanted := request.PathValue("container")
	for _, containers := range [][]core.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for n := range containers {
			if containers[n].Name == wanted {
				return pod, &containers[n], nil
			}
		}
	}
	return nil, nil, fmt.Errorf("pod %s/%s has no container %q", namespace, name, wanted)
}

func (s podSource) serveExec(response http.ResponseWriter, request *http.Request) {
	pod, spec, err := s.container(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusNotFound)
		return
	}
	options, err := remotecommand.NewOptions(request)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	command := request.URL.Query()["command"]
	if len(command) == 0 {
		http.Error(response, "no command is given", http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(response, request, executor{pod: pod, spec: spec},
		pod.Name, string(pod.UID), spec.Name, command, options,
		time.Hour, 30*time.Second, remotecommand.SupportedStreamingProtocols)
}

type executor struct {
	pod  *core.Pod
	spec *core.Container
}

// ExecInContainer is called by the streaming library when the streams stand.
func (e executor) ExecInContainer(
	ctx context.Context, _, _, _ string, command []string,
	in io.Reader, out, errOut io.WriteCloser, tty bool,
	resize <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	go func() {
		for range resize { // the size of the window changes nothing here
		}
	}()
	var stdout, stderr io.Writer = io.Discard, io.Discard
	if out != nil {
		stdout = out
	}
	if errOut != nil {
		stderr = errOut
	}
	if !tty || in == nil {
		return container.NewShell(e.pod, e.spec, stdout, stderr, "").Run(ctx, command, in)
	}
	terminal := container.NewTerminal(in, stdout)
	return container.NewShell(e.pod, e.spec, terminal, terminal, "$ ").Run(ctx, command, terminal)
}
