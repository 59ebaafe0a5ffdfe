cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  ResourceRequirement: {coresMin: $(inputs.n)}
arguments: [$(runtime.cores)]
inputs: {n: int}
outputs: []
