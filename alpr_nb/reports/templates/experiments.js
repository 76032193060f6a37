(function(root){
 var table=root.querySelector('table'),body=table.tBodies[0],rows=[].slice.call(body.rows),heads=[].slice.call(table.tHead.rows[0].cells),hide=root.querySelector('style.hide');
 function each(list,f){[].forEach.call(list,f)}
 function value(row,i){var v=row.cells[i].dataset.v||'',n=parseFloat(v);return v!==''&&!isNaN(n)&&/^[-+0-9.e]+( |$)/i.test(v)?n:v}
 function compare(){
  var on=root.querySelector('input[name=base]:checked'),base=on&&on.closest('tr');
  rows.forEach(function(row){row.classList.toggle('base',row===base);
   each(row.cells,function(cell,i){if(!i)return;var old=cell.querySelector('.delta');if(old)old.remove();
    var v=cell.dataset.v||'',b=base?base.cells[i].dataset.v||'':v,d=base&&row!==base&&!row.classList.contains('quiet')&&v!==b;cell.classList.toggle('differs',!!d);
    var x=value(row,i),y=base?value(base,i):'';
    if(d&&typeof x==='number'&&typeof y==='number'&&x!==y&&heads[i].dataset.group==='figure'){var s=document.createElement('small');s.className='delta';
     s.textContent=(x>y?'+':'\u2212')+Number(Math.abs(x-y).toPrecision(3));cell.appendChild(s)}})})}
 function draw(){each(root.querySelectorAll('input[name=line]'),function(box){each(root.querySelectorAll('[data-line="'+box.value+'"]'),function(g){g.toggleAttribute('hidden',!box.checked)})})}
 function pick(){var css='';each(root.querySelectorAll('input[name=column]'),function(box){if(!box.checked)css+='.runs tr>:nth-child('+(+box.value+1)+'){display:none}'});hide.textContent=css}
 each(table.tHead.querySelectorAll('button'),function(button){button.addEventListener('click',function(){
  var th=button.closest('th'),i=th.cellIndex,down=th.getAttribute('aria-sort')!=='descending';if(!i)down=false;
  heads.forEach(function(h){h.removeAttribute('aria-sort')});if(i)th.setAttribute('aria-sort',down?'descending':'ascending');
  rows.map(function(r,n){return [r,n]}).sort(function(a,b){if(!i)return a[1]-b[1];
   var x=value(a[0],i),y=value(b[0],i);if(x===''||y==='')return (x==='')-(y==='')||a[1]-b[1];
   if(typeof x!==typeof y){x=''+x;y=''+y}
   return (x<y?-1:x>y?1:0)*(down?-1:1)||a[1]-b[1]}).forEach(function(p){body.appendChild(p[0])})})});
 root.addEventListener('change',function(e){var n=e.target.name;if(n==='base')compare();else if(n==='line')draw();else if(n==='column')pick();
  else if(n==='quiet')rows.forEach(function(r){if(r.classList.contains('quiet'))r.hidden=!e.target.checked})});
 compare();draw();pick();
})(document.getElementById('runs'));
