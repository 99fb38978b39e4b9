"""What Kubernetes' OpenAPI does not say of its own types, by the type's name.

OpenAPI does not tell a pointer from a value. The zero of a value is not stored, so `false` and
nothing are one; the zero of a pointer means something (`replicas: 0`). Strings are values unless
they are listed here, integers and booleans are pointers unless they are listed here: new fields
follow these habits, so that a type that is newer than these tables is most likely right too.
"""

from __future__ import annotations

POINTER_STRINGS = frozenset(
    f"{name}.{field}"
    for name, fields in {
        "AppArmorProfile": "localhostProfile",
        "AzureDiskVolumeSource": "cachingMode fsType kind",
        "AzureFilePersistentVolumeSource": "secretNamespace",
        "CSIDriverSpec": "fsGroupPolicy",
        "CSIVolumeSource": "fsType",
        "ClusterTrustBundleProjection": "name signerName",
        "Container": "restartPolicy",
        "CronJobSpec": "timeZone",
        "CustomResourceDefinitionVersion": "deprecationWarning",
        "CustomResourceSubresourceScale": "labelSelectorPath",
        "Endpoint": "hostname nodeName zone",
        "EndpointAddress": "nodeName",
        "EndpointPort": "appProtocol name protocol",
        "EphemeralContainer": "restartPolicy",
        "GRPCAction": "service",
        "GlusterfsPersistentVolumeSource": "endpointsNamespace",
        "HPAScalingRules": "selectPolicy",
        "HTTPIngressPath": "pathType",
        "HostPathVolumeSource": "type",
        "ISCSIPersistentVolumeSource": "initiatorName",
        "ISCSIVolumeSource": "initiatorName",
        "IngressClassParametersReference": "apiGroup namespace scope",
        "IngressSpec": "ingressClassName",
        "JSONSchemaProps": "$ref x-kubernetes-list-type x-kubernetes-map-type",
        "JobSpec": "completionMode managedBy podReplacementPolicy",
        "LeaseSpec": "holderIdentity preferredHolder strategy",
        "Lifecycle": "stopSignal",
        "LocalVolumeSource": "fsType",
        "MatchResources": "matchPolicy",
        "MutatingWebhook": "failurePolicy matchPolicy reinvocationPolicy sideEffects",
        "NamedRuleWithOperations": "scope",
        "NetworkPolicyPort": "protocol",
        "ParamRef": "parameterNotFoundAction",
        "PersistentVolumeClaimSpec": "storageClassName volumeAttributesClassName volumeMode",
        "PersistentVolumeSpec": "volumeAttributesClassName volumeMode",
        "PodDNSConfigOption": "value",
        "PodDisruptionBudgetSpec": "unhealthyPodEvictionPolicy",
        "PodFailurePolicyOnExitCodesRequirement": "containerName",
        "PodResourceClaim": "resourceClaimName resourceClaimTemplateName",
        "PodSchedulingGroup": "podGroupName",
        "PodSecurityContext": "fsGroupChangePolicy seLinuxChangePolicy supplementalGroupsPolicy",
        "PodSpec": "hostnameOverride preemptionPolicy runtimeClassName",
        "PriorityClass": "preemptionPolicy",
        "RuleWithOperations": "scope",
        "SeccompProfile": "localhostProfile",
        "SecurityContext": "procMount",
        "ServicePort": "appProtocol",
        "ServiceReference": "path",
        "ServiceSpec": (
            "internalTrafficPolicy ipFamilyPolicy loadBalancerClass trafficDistribution"
        ),
        "StorageClass": "reclaimPolicy volumeBindingMode",
        "SuccessPolicyRule": "succeededIndexes",
        "TopologySpreadConstraint": "nodeAffinityPolicy nodeTaintsPolicy",
        "TypedLocalObjectReference": "apiGroup",
        "TypedObjectReference": "apiGroup namespace",
        "ValidatingAdmissionPolicySpec": "failurePolicy",
        "ValidatingWebhook": "failurePolicy matchPolicy sideEffects",
        "Validation": "reason",
        "ValidationRule": "reason",
        "VolumeMount": "mountPropagation recursiveReadOnly",
        "WebhookClientConfig": "url",
        "WindowsSecurityContextOptions": (
            "gmsaCredentialSpec gmsaCredentialSpecName runAsUserName"
        ),
    }.items()
    for field in fields.split()
)

VALUE_SCALARS = frozenset(
    f"{name}.{field}"
    for name, fields in {
        "APIServiceSpec": "insecureSkipTLSVerify",
        "AWSElasticBlockStoreVolumeSource": "partition readOnly",
        "AzureFilePersistentVolumeSource": "readOnly",
        "AzureFileVolumeSource": "readOnly",
        "CSIPersistentVolumeSource": "readOnly",
        "CephFSPersistentVolumeSource": "readOnly",
        "CephFSVolumeSource": "readOnly",
        "CinderPersistentVolumeSource": "readOnly",
        "CinderVolumeSource": "readOnly",
        "Container": "stdin stdinOnce tty",
        "ContainerPort": "hostPort",
        "CustomResourceColumnDefinition": "priority",
        "CustomResourceDefinitionSpec": "preserveUnknownFields",
        "CustomResourceDefinitionVersion": "deprecated",
        "DaemonSetSpec": "minReadySeconds",
        "DeploymentSpec": "minReadySeconds paused",
        "EphemeralContainer": "stdin stdinOnce tty",
        "FCVolumeSource": "readOnly",
        "FlexPersistentVolumeSource": "readOnly",
        "FlexVolumeSource": "readOnly",
        "GCEPersistentDiskVolumeSource": "partition readOnly",
        "GlusterfsPersistentVolumeSource": "readOnly",
        "GlusterfsVolumeSource": "readOnly",
        "ISCSIPersistentVolumeSource": "chapAuthDiscovery chapAuthSession readOnly",
        "ISCSIVolumeSource": "chapAuthDiscovery chapAuthSession readOnly",
        "JSONSchemaProps": (
            "exclusiveMaximum exclusiveMinimum nullable uniqueItems "
            "x-kubernetes-embedded-resource x-kubernetes-int-or-string"
        ),
        "NFSVolumeSource": "readOnly",
        "PersistentVolumeClaimVolumeSource": "readOnly",
        "PodSpec": "hostIPC hostNetwork hostPID",
        "PortworxVolumeSource": "readOnly",
        "PriorityClass": "globalDefault",
        "Probe": (
            "failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds"
        ),
        "QuobyteVolumeSource": "readOnly",
        "RBDPersistentVolumeSource": "readOnly",
        "RBDVolumeSource": "readOnly",
        "ReplicaSetSpec": "minReadySeconds",
        "ReplicationControllerSpec": "minReadySeconds",
        "ResourcePolicyRule": "clusterScope",
        "ScaleIOPersistentVolumeSource": "readOnly sslEnabled",
        "ScaleIOVolumeSource": "readOnly sslEnabled",
        "ServiceBackendPort": "number",
        "ServicePort": "nodePort",
        "ServiceSpec": "healthCheckNodePort publishNotReadyAddresses",
        "StatefulSetSpec": "minReadySeconds",
        "StorageOSPersistentVolumeSource": "readOnly",
        "StorageOSVolumeSource": "readOnly",
        "VolumeMount": "readOnly",
    }.items()
    for field in fields.split()
)

SERVER_CHOSEN = frozenset(
    f"{name}.{field}"
    for name, fields in {
        "Container": "imagePullPolicy terminationMessagePath terminationMessagePolicy",
        "ContainerPort": "protocol",
        "CronJobSpec": "concurrencyPolicy",
        "CustomResourceDefinitionNames": "listKind singular",
        "DaemonSetUpdateStrategy": "type",
        "DeploymentStrategy": "type",
        "HTTPGetAction": "path scheme",
        "HorizontalPodAutoscalerSpec": "metrics",
        "NamespaceSpec": "finalizers",
        "NetworkPolicySpec": "policyTypes",
        "ObjectFieldSelector": "apiVersion",
        "PersistentVolumeClaimSpec": "volumeName",
        "PersistentVolumeSpec": "persistentVolumeReclaimPolicy",
        "PodSpec": (
            "dnsPolicy nodeName restartPolicy schedulerName serviceAccount serviceAccountName"
        ),
        "Probe": "failureThreshold periodSeconds successThreshold timeoutSeconds",
        "Secret": "type",
        "ServicePort": "nodePort protocol targetPort",
        "ServiceSpec": ("clusterIP externalTrafficPolicy healthCheckNodePort sessionAffinity type"),
        "StatefulSetSpec": "podManagementPolicy",
        "StatefulSetUpdateStrategy": "type",
        "Subject": "apiGroup",
        "RoleRef": "apiGroup",
    }.items()
    for field in fields.split()
)
"""Where the zero asks the server to choose: it says nothing about the value that is live."""
