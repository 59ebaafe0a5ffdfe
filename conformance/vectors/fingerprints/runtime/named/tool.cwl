cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [--threads=$(runtime.cores), '$(runtime["ram"])']
requirements:
  ResourceRequirement: {coresMin: 2, coresMax: 8, ramMax: 2000.5, tmpdirMin: 77}
inputs: []
outputs: []
