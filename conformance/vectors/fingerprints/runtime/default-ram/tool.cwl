cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
arguments: [$(runtime.cores), $(runtime.ram), $(runtime.tmpdirSize), $(runtime.outdirSize)]
inputs: []
outputs: []
