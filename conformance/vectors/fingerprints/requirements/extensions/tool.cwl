cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
baseCommand: align
hints:
  cwltool:CUDARequirement: {cudaVersionMin: "11.4", cudaComputeCapability: "3.0", cudaDeviceCountMin: 1}
  cwltool:ShmSize: {shmSize: 64m}
inputs: []
outputs: []
