version 1.0

workflow main {
  input {
    Array[File] blocks
  }
  scatter (block in blocks) {
    call copy { input: block = block }
  }
  output {
    Array[File] copied = copy.copied
  }
}

task copy {
  input {
    File block
  }
  String name = basename(block, ".block")
  command <<< cp ~{block} ~{name}.copy >>>
  output {
    File copied = "~{name}.copy"
  }
}
