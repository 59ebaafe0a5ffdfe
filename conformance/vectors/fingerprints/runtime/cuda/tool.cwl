cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
baseCommand: align
requirements:
  cwltool:CUDARequirement: {cudaVersionMin: "11.4", cudaComputeCapability: "3.0", cudaDeviceCountMin: 2, cudaDeviceCountMax: 4}
arguments: [$(runtime.cudaDeviceCount)]
inputs: []
outputs: []
