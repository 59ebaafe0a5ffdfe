cwlVersion: v1.2
class: CommandLineTool
arguments: [sort, {valueFrom: align, position: -1}, {valueFrom: uniq, position: -1}]
inputs: []
outputs: []
