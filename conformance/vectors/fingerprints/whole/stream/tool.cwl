cwlVersion: v1.1
class: CommandLineTool
baseCommand: cat
inputs: {f: {type: File, inputBinding: {}}}
outputs: {o: stdout, e: stderr}
